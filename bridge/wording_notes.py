"""The bridge's words on tickets: what has happened, and what an agent can do about it. Key to en, es, pt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.wording_waits import WAITS

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTES: Final[Mapping[str, tuple[str, str, str]]] = {
    # The note of a start.
    "started": (
        "Conversation started in Jelou.",
        "Conversación iniciada en Jelou.",
        "Conversa iniciada no Jelou.",
    ),
    "started.conversation": (
        "Conversation: {conversation}",
        "Conversación: {conversation}",
        "Conversa: {conversation}",
    ),
    "started.not_told": ("not told yet", "aún no informada", "ainda não informada"),
    "started.assigned": ("Assigned to: {to}", "Asignada a: {to}", "Atribuída a: {to}"),
    "started.link": ("Link: {link}", "Enlace: {link}", "Link: {link}"),
    "started.shared": (
        "This conversation is shared with ticket {ticket}.",
        "Esta conversación se comparte con el ticket {ticket}.",
        "Esta conversa é compartilhada com o ticket {ticket}.",
    ),
    "started.unconfirmed": (
        "Jelou has not confirmed the start with an event yet.",
        "Jelou aún no ha confirmado el inicio con un evento.",
        "O Jelou ainda não confirmou o início com um evento.",
    ),
    "to.nobody": ("nobody in particular", "nadie en particular", "ninguém em particular"),
    "to.queue": ("queue {target}", "cola {target}", "fila {target}"),
    "to.operator": ("operator {target}", "agente {target}", "atendente {target}"),
    "to.direct": ("direct {target}", "agente {target}", "atendente {target}"),
    "to.team": ("team {target}", "equipo {target}", "equipe {target}"),
    # Starts that did not work, or nobody knows.
    "failed": (
        "No conversation was started in Jelou: {reason}.",
        "No se inició ninguna conversación en Jelou: {reason}.",
        "Nenhuma conversa foi iniciada no Jelou: {reason}.",
    ),
    "parked": (
        "It is not known whether a conversation was started in Jelou. {reason}.",
        "No se sabe si se inició una conversación en Jelou. {reason}.",
        "Não se sabe se uma conversa foi iniciada no Jelou. {reason}.",
    ),
    "extra": (
        "A second conversation was started in Jelou for this ticket: {conversation}. It was left open.",
        "Se inició una segunda conversación en Jelou para este ticket: {conversation}. Quedó abierta.",
        "Uma segunda conversa foi iniciada no Jelou para este ticket: {conversation}. Ela ficou aberta.",
    ),
    # A start that waits: {why} says what for, and what happens next.
    "waits": (
        "The conversation in Jelou has not started yet: {why}.",
        "La conversación en Jelou aún no se ha iniciado: {why}.",
        "A conversa no Jelou ainda não foi iniciada: {why}.",
    ),
    **WAITS,
    # Why, in an agent's words. They stand after "failed" and "unsent", without a full stop.
    "reason.user_not_found": (
        "Jelou does not know this customer; check the number, or ask the customer to write to us first",
        "Jelou no conoce a este cliente; revise el número o pida al cliente que nos escriba primero",
        "o Jelou não conhece este cliente; confira o número ou peça que o cliente nos escreva primeiro",
    ),
    "reason.bot_not_found": (
        "Jelou does not know the bot that is configured; please tell your administrator",
        "Jelou no conoce el bot configurado; avise a su administrador",
        "o Jelou não conhece o bot configurado; avise o seu administrador",
    ),
    "reason.no_phone": (
        "the ticket has no usable phone number of the customer (looked for in {fields}); add it",
        "el ticket no tiene un número de teléfono válido del cliente (se buscó en {fields}); agréguelo",
        "o ticket não tem um número de telefone válido do cliente (procurado em {fields}); adicione-o",
    ),
    "reason.no_id": (
        "the ticket tells no id or number under which Jelou knows the customer (looked for in {fields}); add one",
        "el ticket no dice con qué id o número conoce Jelou al cliente (se buscó en {fields}); agregue uno",
        "o ticket não diz com que id ou número o Jelou conhece o cliente (procurado em {fields}); adicione um",
    ),
    "reason.already_active": (
        "the customer already has an open conversation in Jelou; go on there, or close it first",
        "el cliente ya tiene una conversación abierta en Jelou; continúe allí o ciérrela primero",
        "o cliente já tem uma conversa aberta no Jelou; continue por lá ou encerre-a primeiro",
    ),
    "reason.fault": (
        "the bridge has a fault; please tell your administrator, who can have it done again",
        "el puente tiene una falla; avise a su administrador, que puede hacer que se repita",
        "a ponte tem uma falha; avise o seu administrador, que pode mandar repetir",
    ),
    "reason.denied": (
        "Jelou refuses the bridge's credential; please tell your administrator, it goes on by itself after that",
        "Jelou rechaza la credencial del puente; avise a su administrador, después continúa por sí solo",
        "o Jelou recusa a credencial da ponte; avise o seu administrador, depois continua sozinho",
    ),
    "reason.window_closed": (
        (
            "the customer last wrote more than 24 hours ago, and WhatsApp only delivers templates then; "
            "call, write an e-mail, or wait until the customer writes"
        ),
        (
            "el cliente escribió por última vez hace más de 24 horas y WhatsApp solo entrega plantillas; "
            "llame, envíe un correo o espere a que el cliente escriba"
        ),
        (
            "o cliente escreveu pela última vez há mais de 24 horas e o WhatsApp só entrega modelos; "
            "ligue, envie um e-mail ou espere o cliente escrever"
        ),
    ),
    "reason.closed_meanwhile": (
        "the conversation has ended in Jelou meanwhile; start a new one to reach the customer",
        "la conversación ya terminó en Jelou; inicie una nueva para contactar al cliente",
        "a conversa já terminou no Jelou; inicie uma nova para falar com o cliente",
    ),
    "reason.refused": (
        "Jelou refuses it as it stands ({detail})",
        "Jelou lo rechaza tal como está ({detail})",
        "o Jelou recusa como está ({detail})",
    ),
    # Messages.
    "reason.file_gone": (
        "the file is not on the ticket any more",
        "el archivo ya no está en el ticket",
        "o arquivo não está mais no ticket",
    ),
    "reason.file_private": (
        "the comment that it belongs to is not public any more",
        "el comentario al que pertenece ya no es público",
        "o comentário ao qual ele pertence não é mais público",
    ),
    "unsent.file": (
        "A file of yours that waited was not sent to the customer: {reason}. Send it again if they are to have it.",
        "Un archivo suyo que esperaba no se envió al cliente: {reason}. Envíelo otra vez si el cliente debe tenerlo.",
        "Um arquivo seu que aguardava não foi enviado ao cliente: {reason}. Envie-o de novo se o cliente deve tê-lo.",
    ),
    "files.login": (
        (
            "Files of this helpdesk need a login, so the customer got their names only. Your administrator can let the "
            "bridge serve them (files: relay)."
        ),
        (
            "Los archivos de esta mesa de ayuda requieren iniciar sesión, así que el cliente solo recibió sus nombres. "
            "Su administrador puede hacer que el puente los entregue (files: relay)."
        ),
        (
            "Os arquivos desta central exigem login, por isso o cliente recebeu apenas os nomes. O seu administrador "
            "pode fazer a ponte entregá-los (files: relay)."
        ),
    ),
    "unsent": (
        "Your message did not reach the customer: {reason}.",
        "Su mensaje no llegó al cliente: {reason}.",
        "A sua mensagem não chegou ao cliente: {reason}.",
    ),
    "requester.other": (
        (
            "The requester of this ticket was changed, so replies are not sent: the conversation in Jelou is with the "
            "person before. They are kept. Your administrator sends them with '{command} same-person', or ends the "
            "conversation with '{command} end'."
        ),
        (
            "El solicitante de este ticket cambió, por eso las respuestas no se envían: la conversación en Jelou es "
            "con la persona anterior. Quedan guardadas. Su administrador las envía con '{command} same-person', o "
            "termina la conversación con '{command} end'."
        ),
        (
            "O solicitante deste ticket mudou, por isso as respostas não são enviadas: a conversa no Jelou é com a "
            "pessoa anterior. Elas ficam guardadas. O seu administrador as envia com '{command} same-person', ou "
            "encerra a conversa com '{command} end'."
        ),
    ),
    "requester.number": (
        "The customer's number on this ticket has changed. The conversation in Jelou goes on with the number before.",
        "El número del cliente en este ticket cambió. La conversación en Jelou sigue con el número anterior.",
        "O número do cliente neste ticket mudou. A conversa no Jelou continua com o número anterior.",
    ),
    "withheld.addressees": (
        (
            "A mail on this ticket was addressed to somebody else than the customer, so it was not sent to the "
            "customer. Such mails stay here; reply to the customer to reach them in Jelou."
        ),
        (
            "Un correo de este ticket iba dirigido a alguien que no es el cliente, por eso no se envió al cliente. "
            "Esos correos se quedan aquí; responda al cliente para que le llegue por Jelou."
        ),
        (
            "Um e-mail deste ticket foi endereçado a alguém que não é o cliente, por isso não foi enviado ao cliente. "
            "Esses e-mails ficam aqui; responda ao cliente para que receba pelo Jelou."
        ),
    ),
    "withheld.unknown_requester": (
        (
            "A mail on this ticket was not sent to the customer in Jelou, because nobody can tell whether it is for "
            "them: the ticket's requester has no mail address. Add it, and send the mail again if it was for them."
        ),
        (
            "Un correo de este ticket no se envió al cliente por Jelou, porque no se puede saber si era para él: el "
            "solicitante no tiene dirección de correo. Agréguela y, si era para él, envíe el correo otra vez."
        ),
        (
            "Um e-mail deste ticket não foi enviado ao cliente pelo Jelou, porque não se pode saber se era para ele: o "
            "solicitante não tem endereço de e-mail. Adicione-o e, se era para ele, envie o e-mail de novo."
        ),
    ),
    "withheld.own_user": (
        (
            "A public reply on this ticket was written as the user that the bridge works as, and nothing proves that a "
            "person wrote it, so it was not sent to the customer. Reply as another user, or give the bridge its own."
        ),
        (
            "Una respuesta pública de este ticket se escribió con el usuario del puente, y nada prueba que la "
            "escribió una persona; por eso no se envió al cliente. Responda con otro usuario, o dé al puente el suyo."
        ),
        (
            "Uma resposta pública deste ticket foi escrita com o usuário que a ponte usa, e nada prova que foi uma "
            "pessoa; por isso não foi enviada ao cliente. Responda com outro usuário, ou dê à ponte um só dela."
        ),
    ),
    "unshown": (
        (
            "A public reply on this ticket was not sent to the customer: the helpdesk told the bridge of it, and "
            "does not show it. If it is on the ticket, write it again."
        ),
        (
            "Una respuesta pública de este ticket no se envió al cliente: la mesa de ayuda avisó de ella al puente, "
            "y no la muestra. Si está en el ticket, escríbala otra vez."
        ),
        (
            "Uma resposta pública deste ticket não foi enviada ao cliente: a central de ajuda avisou a ponte dela, "
            "e não a mostra. Se ela está no ticket, escreva-a de novo."
        ),
    ),
    "unsure": (
        (
            "It is not known whether your message reached the customer: it was sent {tries} times without an answer. "
            "Look into Jelou before you send it again."
        ),
        (
            "No se sabe si su mensaje llegó al cliente: se envió {tries} veces sin respuesta. "
            "Revise en Jelou antes de enviarlo de nuevo."
        ),
        (
            "Não se sabe se a sua mensagem chegou ao cliente: foi enviada {tries} vezes sem resposta. "
            "Verifique no Jelou antes de enviá-la de novo."
        ),
    ),
    "unsure.since": (
        (
            "It is not known whether your message reached the customer: it was sent without an answer, and is not sent "
            "again: {reason}. Look into Jelou before you write it anew."
        ),
        (
            "No se sabe si su mensaje llegó al cliente: se envió sin respuesta, y no se envía de nuevo: {reason}. "
            "Revise en Jelou antes de escribirlo otra vez."
        ),
        (
            "Não se sabe se a sua mensagem chegou ao cliente: foi enviada sem resposta, e não é enviada de novo: "
            "{reason}. Verifique no Jelou antes de escrevê-la outra vez."
        ),
    ),
    "asked": (
        (
            "The customer last wrote more than 24 hours ago, so WhatsApp holds your message back. The template "
            "{template} was sent; your message follows by itself when the customer answers."
        ),
        (
            "El cliente escribió por última vez hace más de 24 horas, por eso WhatsApp retiene su mensaje. Se envió la "
            "plantilla {template}; su mensaje sale por sí solo cuando el cliente responda."
        ),
        (
            "O cliente escreveu pela última vez há mais de 24 horas, por isso o WhatsApp retém a sua mensagem. O "
            "modelo {template} foi enviado; a sua mensagem segue sozinha quando o cliente responder."
        ),
    ),
    "fuse": (
        (
            "Messages went round in circles, so the bridge has stopped for this ticket ({reason}). It goes on by "
            "itself after {minutes} min. To go on at once, write an internal note: jelou: continue. If it stops again, "
            "turn off the automatic reply that causes it."
        ),
        (
            "Los mensajes daban vueltas en círculo, por eso el puente se detuvo para este ticket ({reason}). Sigue por "
            "sí solo en {minutes} min. Para seguir ya, escriba una nota interna: jelou: continuar. Si vuelve a "
            "detenerse, desactive la respuesta automática que lo causa."
        ),
        (
            "As mensagens andavam em círculos, por isso a ponte parou para este ticket ({reason}). Ela continua "
            "sozinha em {minutes} min. Para continuar já, escreva uma nota interna: jelou: continuar. Se parar de "
            "novo, desative a resposta automática que causa isso."
        ),
    ),
    "loop.bounced": (
        "the same text went back and forth",
        "el mismo texto iba y venía",
        "o mesmo texto ia e vinha",
    ),
    "loop.repeated": (
        "both sides sent the same answers again and again",
        "ambos lados enviaban siempre las mismas respuestas",
        "os dois lados enviavam sempre as mesmas respostas",
    ),
    "loop.fast": (
        "{count} answers in a row came faster than people type",
        "{count} respuestas seguidas llegaron más rápido de lo que una persona escribe",
        "{count} respostas seguidas chegaram mais rápido do que uma pessoa digita",
    ),
    "loop.many": (
        "{count} messages each way in {seconds} s",
        "{count} mensajes en cada sentido en {seconds} s",
        "{count} mensagens em cada sentido em {seconds} s",
    ),
    "fault": (
        "Something that happened here could not be carried over to the other side: {reason}.",
        "Algo que ocurrió aquí no se pudo pasar al otro lado: {reason}.",
        "Algo que aconteceu aqui não pôde ser levado ao outro lado: {reason}.",
    ),
    # Ends and returns.
    "not_closed": (
        "The conversation could not be closed in Jelou: {reason}. Close it there.",
        "No se pudo cerrar la conversación en Jelou: {reason}. Ciérrela allí.",
        "Não foi possível encerrar a conversa no Jelou: {reason}. Encerre-a por lá.",
    ),
    "left_open": (
        "The conversation was left open in Jelou: ticket {ticket} of the same customer shares it.",
        "La conversación quedó abierta en Jelou: la comparte el ticket {ticket} del mismo cliente.",
        "A conversa ficou aberta no Jelou: ela é compartilhada com o ticket {ticket} do mesmo cliente.",
    ),
    "came_back": (
        "The customer came back. Earlier ticket: {ticket}",
        "El cliente volvió a escribir. Ticket anterior: {ticket}",
        "O cliente voltou a escrever. Ticket anterior: {ticket}",
    ),
    "unasked": (
        "This ticket was opened for a conversation in Jelou that had none.",
        "Este ticket se abrió para una conversación en Jelou que no tenía uno.",
        "Este ticket foi aberto para uma conversa no Jelou que não tinha um.",
    ),
    "unasked.customer": ("Customer: {name}", "Cliente: {name}", "Cliente: {name}"),
    "unasked.queue": ("Queue: {queue}", "Cola: {queue}", "Fila: {queue}"),
    "unasked.message": ("First message: {text}", "Primer mensaje: {text}", "Primeira mensagem: {text}"),
}
