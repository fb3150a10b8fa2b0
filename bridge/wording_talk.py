"""The bridge's words around a conversation: what customers send, how it stands, how it ended. Key to en, es, pt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TALK: Final[Mapping[str, tuple[str, str, str]]] = {
    # What the customer sends.
    "customer.says": ("{name} (via Jelou):", "{name} (vía Jelou):", "{name} (via Jelou):"),
    "customer": ("Customer", "Cliente", "Cliente"),
    "media.image": ("Image", "Imagen", "Imagem"),
    "media.video": ("Video", "Video", "Vídeo"),
    "media.audio": ("Audio", "Audio", "Áudio"),
    "media.document": ("Document", "Documento", "Documento"),
    "media.file": ("File", "Archivo", "Arquivo"),
    "media.sticker": ("Sticker", "Sticker", "Figurinha"),
    "media.location": ("Location", "Ubicación", "Localização"),
    "media.contact": ("Contact", "Contacto", "Contato"),
    "media.reaction": ("Reacted with {emoji}", "Reaccionó con {emoji}", "Reagiu com {emoji}"),
    "media.unreacted": ("Took a reaction back", "Quitó una reacción", "Removeu uma reação"),
    "media.choice": ("Chose: {text}", "Eligió: {text}", "Escolheu: {text}"),
    "media.untold": ("(not told)", "(no informado)", "(não informado)"),
    "media.empty": ("Empty message", "Mensaje vacío", "Mensagem vazia"),
    "media.unknown": (
        "Message of the type {type}, which cannot be shown here",
        "Mensaje de tipo {type}, que no se puede mostrar aquí",
        "Mensagem do tipo {type}, que não pode ser exibida aqui",
    ),
    # How it stands, in a field.
    "status.queued": ("Queued", "En cola", "Na fila"),
    "status.waiting": ("Waiting for {what}", "En espera de {what}", "Aguardando {what}"),
    "status.starting": ("Starting", "Iniciando", "Iniciando"),
    "status.open": ("Started", "Iniciada", "Iniciada"),
    "status.started": ("Started: {link}", "Iniciada: {link}", "Iniciada: {link}"),
    "status.unknown": (
        "Not known whether it started",
        "No se sabe si se inició",
        "Não se sabe se foi iniciada",
    ),
    "status.parked": (
        "A person must decide",
        "Debe decidir una persona",
        "Uma pessoa precisa decidir",
    ),
    "status.failed": ("Failed: {reason}", "Falló: {reason}", "Falhou: {reason}"),
    "status.closed": ("Closed", "Cerrada", "Encerrada"),
    "status.ignored": ("No conversation", "Sin conversación", "Sem conversa"),
    # How it ended.
    "package": ("Conversation ended in Jelou.", "Conversación terminada en Jelou.", "Conversa encerrada no Jelou."),
    "package.outcome": ("Outcome: {outcome}", "Resultado: {outcome}", "Resultado: {outcome}"),
    "package.assigned": ("Attended by: {to}", "Atendida por: {to}", "Atendida por: {to}"),
    "package.started": ("Started: {at}", "Inicio: {at}", "Início: {at}"),
    "package.ended": ("Ended: {at}", "Fin: {at}", "Fim: {at}"),
    "package.lasted": ("Duration: {duration}", "Duración: {duration}", "Duração: {duration}"),
    "package.first_answer": (
        "First answer after: {duration}",
        "Primera respuesta tras: {duration}",
        "Primeira resposta após: {duration}",
    ),
    "package.messages": (
        "Messages: {customer} of the customer, {agent} of agents",
        "Mensajes: {customer} del cliente, {agent} de agentes",
        "Mensagens: {customer} do cliente, {agent} de atendentes",
    ),
    "package.transcript": ("Transcript (UTC):", "Transcripción (UTC):", "Transcrição (UTC):"),
    "package.cut": (
        "[... {messages} messages left out ...]",
        "[... {messages} mensajes omitidos ...]",
        "[... {messages} mensagens omitidas ...]",
    ),
    "package.customer": ("Customer", "Cliente", "Cliente"),
    "package.agent": ("Agent", "Agente", "Atendente"),
    "outcome.closed_by_operator": ("closed by the agent", "cerrada por el agente", "encerrada pelo atendente"),
    "outcome.solved": ("the ticket was solved", "el ticket se resolvió", "o ticket foi resolvido"),
    "outcome.not_told": ("not told", "no informado", "não informado"),
}
