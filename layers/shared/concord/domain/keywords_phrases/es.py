"""Spanish phrases that ask to be left alone."""

from typing import Final

from concord.domain.keywords_phrases.rules import Rules

SPANISH: Final = Rules(
    triggers=(
        "deje",
        "deja",
        "no ",
        "pare",
        "para ",
        "quit",
        "saque",
        "saca",
        "borr",
        "elimin",
        "baja",
        "equivocad",
        "basta",
        "cancel",
        "alto",
        "stop",
        "suscri",
        "retir",
    ),
    vocabulary={
        "msg": "mensajes?|mensajitos|sms|textos|mensajes de texto|publicidad|propaganda"
        "|promociones|promos|anuncios|notificaciones|ofertas|spam|whatsapps?",
        "fill": "mas|los|las|sus|tus|estos|esos|estas|de|me|ya|por favor|porfavor|porfa|tantos"
        "|mis|a|su|tu|el|la|ningun|ninguna|mensajes|mi|numero|este|tipo|con",
        "send": "enviar(?:me|nos)?|mandar(?:me|nos)?|escribir(?:me|nos)?|molestar(?:me|nos)?"
        "|contactar(?:me|nos)?|textear(?:me|nos)?|mensajear(?:me|nos)?",
        "lead": "(?:(?:por favor|porfavor|porfa|hola|oigan|disculpe|disculpen|ya|pero|y|buenas"
        "|buenos dias|perdon|perdone|lo siento|creo que) )*",
        "end": "(?: (?:por favor|porfavor|porfa|gracias|ya|mas|ahora|nunca|nunca mas|urgente|ok"
        "|de una vez|inmediatamente))*$",
    },
    veto=r"\b(?:no|nunca|sin)(?: (?:quiero|queremos|quisiera|me|nos|se|les|que|a|vayan))*$"
    r"|\b(?:cuando|por que|hasta|a que hora)\b",
    phrases={
        "stop alone": "^<lead>(?:stop|alto|basta|basta ya)(?: (?:stop|alto|ya))*<end>",
        "stop the messages": "(?:basta(?: ya)? (?:de|con)|paren(?: con| de)?|pare(?: con| de)?"
        "|alto (?:a|con)|stop)(?: <fill>){0,4} (?:<msg>|<send>)",
        "stop sending": "(?:dejen|deje|deja|dejad|paren|pare|para)(?: ya)? de (?:<send>)"
        "(?:(?: <fill>){0,4} <msg>|(?: (?:esto|estos|cosas|eso|tanto))?<end>)",
        "no more messages": "no mas(?: <fill>){0,3} <msg>|^<lead>no mas (?:por favor|gracias)$",
        "do not message": "^<lead>no (?:quiero que )?(?:me|nos) (?:vuelvan a )?(?:"
        "(?:envien?|envies?|manden?|mandes?|enviar|mandar)(?: <fill>){0,4} <msg><end>"
        "|(?:envien?|envies?|manden?|mandes?) (?:nada )?mas(?: (?:nada|esto|cosas))?<end>"
        "|(?:escriban?|escribas|contacten?|contactes|molesten?|molestes|texteen?)<end>)",
        "do not want": "(?:no|ya no) (?:quiero|deseo|quisiera|me interesa)(?: seguir)?"
        "(?: (?:recibir|recibiendo|que me lleguen))?(?: <fill>){0,4} <msg>",
        "remove me": "(?:quiten?|saquen?|borren?|eliminen?|retiren?|quita|saca|borra|elimina)"
        "(?:me|nos)(?: ya)?(?: <fill>)? (?:de|por)(?: <fill>){0,3} (?:lista|listas|base|contactos"
        "|sistema|envios)(?: de (?:datos|contactos|mensajes|difusion|sms))?<end>"
        "|(?:quiten?|saquen?|borren?|eliminen?|quita|saca|borra|elimina) mi numero"
        "(?: de(?: <fill>){0,3} (?:lista|base|contactos|sistema)(?: de datos)?)?<end>",
        "unsubscribe": "(?:denme|deme|dame|den me|darme|dar me) de baja"
        "(?! (?:del?|la|las|los|el|en) (?!(?:los |sus |estos |la |su )?(?:mensajes|sms|lista|envios"
        "|servicio de mensajes|publicidad)))|(?:cancel(?:ar|en?|o)|anular)(?: (?:mi|la|esta))?"
        " suscripcion(?: a(?: <fill>){0,3} <msg>)?<end>|(?:desuscrib(?:an|a|ir|e)(?:me)?)<end>",
        "wrong number": "^<lead>(?:(?:tienen?|tienes|es|este es|se equivoco de)(?: el| un)? )?"
        "numero (?:es )?(?:equivocado|incorrecto|erroneo)<end>|^<lead>se equivoco de numero<end>",
        "leave me alone": "deje(?:n)?(?:me|nos) (?:en paz|tranquil[oa]s?)",
        "consent withdrawn": "(?:revoco|retiro)(?: mi)? (?:consentimiento|autorizacion)",
    },
)
