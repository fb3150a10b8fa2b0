"""The bridge's words on tickets for why a start waits, and what happens next. Key to en, es, pt.

They stand after "has not started yet:", without a full stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

WAITS: Final[Mapping[str, tuple[str, str, str]]] = {
    "waits.pause": (
        "an administrator has paused new conversations; it starts by itself when they are resumed",
        "un administrador pausó las conversaciones nuevas; se inicia por sí sola cuando se reanuden",
        "um administrador pausou as conversas novas; ela começa sozinha quando forem retomadas",
    ),
    "waits.starts_per_hour": (
        "the limit of conversations started per hour is reached; it starts by itself within the next hour",
        "se alcanzó el límite de conversaciones iniciadas por hora; se inicia por sí sola en la próxima hora",
        "o limite de conversas iniciadas por hora foi atingido; ela começa sozinha na próxima hora",
    ),
    "waits.start_limit": (
        "only some conversations are started each minute for now; it starts by itself when it is its turn",
        "por ahora solo se inician algunas conversaciones por minuto; se inicia por sí sola cuando le toque",
        "por enquanto só algumas conversas são iniciadas por minuto; ela começa sozinha na sua vez",
    ),
    "waits.quiet_hours": (
        "customers are not written to at this time; it starts by itself when the quiet hours end",
        "a esta hora no se escribe a los clientes; se inicia por sí sola al terminar el horario de silencio",
        "a esta hora não se escreve aos clientes; ela começa sozinha quando terminar o horário de silêncio",
    ),
    "waits.not_called": (
        "Jelou cannot be reached just now; it starts by itself as soon as Jelou answers",
        "Jelou no responde en este momento; se inicia por sí sola en cuanto responda",
        "o Jelou não responde neste momento; ela começa sozinha assim que ele responder",
    ),
    "waits.credential": (
        "Jelou refuses the bridge's credential; please tell your administrator, it starts by itself after that",
        "Jelou rechaza la credencial del puente; avise a su administrador, después se inicia por sí sola",
        "o Jelou recusa a credencial da ponte; avise o seu administrador, depois ela começa sozinha",
    ),
    "waits.pace": (
        "many conversations are being started just now; it starts by itself when it is its turn",
        "se están iniciando muchas conversaciones en este momento; se inicia por sí sola cuando le toque",
        "muitas conversas estão sendo iniciadas neste momento; ela começa sozinha na sua vez",
    ),
    "waits.same_person": (
        "another conversation of the same customer is still being started or closed; it starts by itself after that",
        "otra conversación del mismo cliente aún se está iniciando o cerrando; después se inicia por sí sola",
        "outra conversa do mesmo cliente ainda está sendo iniciada ou encerrada; depois ela começa sozinha",
    ),
    "waits.recovery": (
        "the bridge checks after a disturbance what was started before; it starts by itself after that",
        "el puente comprueba, tras una falla, qué se había iniciado antes; después se inicia por sí sola",
        "a ponte verifica, após uma falha, o que já tinha sido iniciado; depois ela começa sozinha",
    ),
    "waits.redis_full": (
        "the bridge's storage is full; please tell your administrator, it starts by itself after that",
        "el almacenamiento del puente está lleno; avise a su administrador, después se inicia por sí sola",
        "o armazenamento da ponte está cheio; avise o seu administrador, depois ela começa sozinha",
    ),
    "waits.retry": (
        "Jelou did not take it; it is tried again by itself",
        "Jelou no la aceptó; se vuelve a intentar por sí sola",
        "o Jelou não a aceitou; a tentativa é repetida sozinha",
    ),
    "waits.fault": (
        "the bridge has a fault; please tell your administrator, it is tried again by itself",
        "el puente tiene una falla; avise a su administrador, se vuelve a intentar por sí sola",
        "a ponte tem uma falha; avise o seu administrador, a tentativa é repetida sozinha",
    ),
    "waits.other": (
        "it has to wait for a moment; it starts by itself after that",
        "tiene que esperar un momento; después se inicia por sí sola",
        "ela precisa esperar um momento; depois começa sozinha",
    ),
}
