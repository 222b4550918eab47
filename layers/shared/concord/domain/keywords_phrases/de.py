"""German phrases that ask to be left alone."""

from typing import Final

from concord.domain.keywords_phrases.rules import Rules

GERMAN: Final = Rules(
    triggers=(
        "stop",
        "kein",
        "nicht mehr",
        "hor",
        "auf",
        "loesch",
        "losch",
        "liste",
        "verteiler",
        "abmeld",
        "melde",
        "abbestell",
        "austrag",
        "falsch",
        "ruhe",
        "einwilligung",
        "lass",
        "trag",
    ),
    vocabulary={
        "msg": "sms|nachrichten?|werbung|werbe ?sms|werbenachrichten|texte|textnachrichten|mms"
        "|benachrichtigungen|spam|angebote|meldungen|mitteilungen",
        "fill": "die|diese|eure[rmn]?|ihre[rmn]?|deine[rmn]?|diesen|der|den|mit|mir|uns|an|mich"
        "|bitte|mehr|weiteren?"
        "|ganzen|nervigen|standig|immer|solche|solchen|per|sie|ihr|von|euch|ihnen|sms|und|auch"
        "|meine|nummer|dem|so|viele|mal|endlich",
        "send": "schicken|senden|schreiben|zuschicken|zusenden|zu ?texten|zuzusenden|zuzuschicken"
        "|kontaktieren|belastigen|spammen|nerven|anschreiben|anzuschreiben",
        "lead": "(?:(?:bitte|hallo|guten tag|hi|hey|nein|ok|sorry|entschuldigung|also|und|aber"
        "|moin|servus|ich glaube|leider|tut mir leid) )*",
        "end": "(?: (?:bitte|danke|danke schon|vielen dank|mehr|jetzt|sofort|endlich|ab sofort|lg"
        "|mfg|umgehend|nie wieder|nie mehr))*$",
    },
    veto=r"\b(?:wann|warum|wieso|bis wann|um wie viel uhr|versehentlich)\b"
    r"|\b(?:nicht|nie|ohne)(?: \w+)?$",
    phrases={
        "stop alone": "^<lead>(?:stop|stopp|stoppen|abmelden|abbestellen|aufhoren)"
        "(?: (?:stop|stopp|das|damit|alles))*<end>",
        "stop the messages": "(?:stop|stopp|stoppt|stoppen|beendet|beenden)(?: <fill>){0,4} <msg>"
        "|<msg>(?: (?:bitte|sofort))* (?:stoppen|abbestellen|beenden|abstellen|einstellen)<end>",
        "stop sending": "(?:hor(?:t|en|e)?)(?: (?:sie|ihr|bitte|endlich|mal|doch|sofort))* auf"
        "(?: <fill>){0,5}(?: <msg>)?(?: <fill>){0,2} (?:zu )?(?:<send>)"
        "|^<lead>hor(?:t|en|e)?(?: (?:sie|ihr|bitte|endlich|mal|doch))* auf(?: damit)?<end>"
        "|hor(?:t|en|e)?(?: (?:sie|bitte|endlich))* (?:mit|auf mit)(?: <fill>){0,3} <msg>",
        "no more messages": "^<lead>keine(?: <fill>){0,3} <msg>(?: (?:mehr|senden|schicken"
        "|an mich|an diese nummer))*<end>",
        "do not message": "(?:schick(?:t|en|e)?|send(?:et|en|e)?|schreib(?:t|en|e)?)"
        "(?: (?:sie|mir|uns|bitte|ab sofort|in zukunft|doch))*"
        " (?:keine(?: <fill>){0,3} <msg>|nichts mehr<end>|nicht mehr<end>)"
        "|kontaktier(?:t|en|e)?(?: (?:sie|mich|uns|bitte))* nicht(?: mehr)?<end>",
        "do not want": "(?:mochte|will|wunsche|mochten|wollen|brauche)(?: (?:ich|wir|ab sofort"
        "|in zukunft|bitte|von (?:ihnen|euch)))* keine(?: <fill>){0,4} <msg>(?: (?:von (?:ihnen"
        "|euch)|per sms|mehr))*(?: (?:bekommen|erhalten|kriegen|haben|empfangen))?<end>",
        "remove me": "(?:nehm(?:t|en)|nimm|streich(?:t|en|e)?|losch(?:t|en|e)?|entfern(?:t|en|e)?"
        "|trag(?:t|en|e)?)(?: (?:sie|bitte|mich|uns|meine (?:handy|telefon|mobil)?nummer))+"
        "(?: bitte)?(?: (?:aus|von)(?: <fill>){0,2} (?:liste|verteiler|kartei|datenbank|system"
        "|kontaktliste|sms liste|sms verteiler|mailingliste))?(?: (?:aus|raus|heraus))?<end>"
        "|meine (?:handy|telefon|mobil)?nummer (?:bitte )?(?:loschen|entfernen|streichen)<end>"
        "|(?:mich|uns)(?: bitte)? (?:aus|von)(?: <fill>){0,2} (?:liste|verteiler)"
        " (?:nehmen|streichen|loschen|entfernen)<end>",
        "unsubscribe": "(?:meld(?:et|en|e)?)(?: (?:sie|mich|uns|bitte))+"
        "(?: (?:vom|von|aus)(?: <fill>){0,2} (?:<msg>|verteiler|liste|sms dienst|sms service))? ab"
        "<end>|^<lead>(?:ich|wir)(?: (?:mochte|will|wurde|mochten|wollen)(?: gerne?)?)"
        " (?:mich|uns)(?: (?:vom|von|aus)(?: <fill>){0,3}"
        " (?:<msg>|verteiler|liste|sms dienst|sms service))? (?:abmelden|austragen)<end>"
        "|abmeldung vo[nm](?: <fill>){0,3} (?:<msg>|verteiler)<end>",
        "wrong number": "^<lead>(?:(?:sie haben|ihr habt|du hast|das ist|hier ist|das hier ist)"
        "(?: (?:hier|wohl|leider))? )?(?:(?:die|eine|der) )?falsche (?:nummer|person)"
        "(?: erwischt)?<end>",
        "leave me alone": "(?:lasst|lass|lassen)(?: sie)? (?:mich|uns)(?: (?:bitte|endlich"
        "|einfach))* in ruhe",
        "consent withdrawn": "(?:widerrufe|ziehe)(?: (?:hiermit|ich))*(?: meine)? (?:einwilligung"
        "|zustimmung)",
    },
)
