"""Czech phrases that ask to be left alone."""

from typing import Final

from concord.domain.keywords_phrases.rules import Rules

CZECH: Final = Rules(
    triggers=(
        "stop",
        "nepos",
        "nepis",
        "prest",
        "odhlas",
        "odstran",
        "vymaz",
        "smaz",
        "nechci",
        "spatn",
        "pokoj",
        "zrus",
        "souhlas",
        "nezasil",
        "dost",
        "vyrad",
        "nekontaktuj",
        "neotravuj",
        "zadne",
        "nepreji",
        "neobtezuj",
        "omyl",
        "ukonc",
        "uz ",
    ),
    vocabulary={
        "msg": "sms(?:ky|ek|kami)?|esemesky|esemesek|zprav(?:y|u|ami)?|reklam(?:y|u|ami)?|nabidky"
        "|nabidek|akce|spam(?:y|u)?|oznameni|upozorneni|textovky|slevy",
        "fill": "mi|me|nam|nas|uz|prosim|prosimvas|vas|zadne|zadnou|dalsi|dalsich|ty|tyhle|tyto"
        "|takove|vase|vasich|s|se|tech|techto|tohoto|vsechny|reklamni|tady|tu|od|odber|zasilani"
        "|posilani|marketingove|obchodni|porad|vic|na|moje|cislo",
        "lead": "(?:(?:prosim|prosimvas|prosim vas|dobry den|ahoj|zdravim|ne|ok|pardon|uz|tak|a|ale"
        "|dekuji|promin(?:te)?|omlouvam se|bohuzel) )*",
        "end": "(?: (?:prosim|prosim vas|dekuji|dekuju|diky|dik|uz|vic|vice|nikdy|hned|okamzite"
        "|znovu|ihned))*$",
    },
    veto=r"\b(?:kdy|proc|v kolik|do kdy|omylem|jestli)\b|\b(?:ne|nikdy|bez|nechci)(?: \w+){0,2}$",
    phrases={
        "stop alone": "^<lead>(?:stop|dost)(?: (?:stop|to|s tim|uz))*<end>",
        "stop the messages": "(?:stop|dost|zastavte|ukoncete|zruste|zrus|ukoncit|zrusit|konec)"
        "(?: <fill>){0,4} (?:<msg>|zasilani|posilani|odber)(?: <fill>){0,2}(?: <msg>)?<end>",
        "stop sending": "prestan(?:te|e)?(?: <fill>){0,4} (?:posilat|psat|otravovat|zasilat"
        "|spamovat|obtezovat|kontaktovat)(?:(?: <fill>){0,4}(?: <msg>)?<end>)",
        "no more messages": "^<lead>(?:zadne|zadnou)(?: <fill>){0,3} <msg><end>",
        "do not message": "(?:neposilejte|neposilej|nezasilejte|nezasilej)(?: <fill>){0,5} <msg>"
        "|^<lead>(?:mi |nam )?(?:neposilejte|neposilej|nezasilejte)(?: (?:mi|nam|to|nic|uz|tohle))*"
        " (?:uz|vic|nic|nikdy)(?: (?:nic|vic|mi))*<end>"
        "|^<lead>(?:(?:mi|me|nam) )?(?:nepiste|nepis|nekontaktujte|neotravujte"
        "|neobtezujte|nespamujte)"
        "(?: (?:mi|me|nam|uz|na (?:toto|tohle|moje) cislo))*<end>",
        "do not want": "(?:nechci|nechceme|nepreji si|nepreju si|neprejeme si)(?: (?:uz|od vas"
        "|dostavat|odebirat|prijimat|zasilat))*(?: <fill>){0,4} <msg>(?: (?:od vas|dostavat"
        "|odebirat))*<end>",
        "remove me": "(?:odstrante|odstran|vymazte|vymaz|smazte|smaz|vyradte|vyskrtnete|odeberte"
        "|vyrad)(?: (?:prosim|si|uz))*(?: (?:me|mne|nas|moje cislo|me cislo|tohle cislo|toto cislo"
        "|moje telefonni cislo))(?: (?:ze|z|od)(?: <fill>){0,2} (?:seznamu|databaze|evidence"
        "|kontaktu|rozesilky|rozesilani))?<end>",
        "unsubscribe": "(?:odhlaste|odhlas|odhlasit)(?: (?:prosim|si|uz))* (?:me|mne|nas)"
        "(?: (?:ze?|od)(?: <fill>){0,3} (?:odberu|<msg>|zasilani|rozesilky|seznamu|toho))?<end>"
        "|(?:chci|chtela? bych|prosim|preji si|potrebuji|jak)(?: (?:se|bych))? odhlasit(?: se)?"
        "(?: (?:ze?|od)(?: <fill>){0,3} (?:odberu|<msg>|zasilani|rozesilky|seznamu))?<end>",
        "wrong number": "^<lead>(?:(?:mate|to je|tohle je|volate|pisete na) )?(?:spatne|jine)"
        " cislo<end>|^<lead>(?:to je omyl|spletli jste si cislo)<end>",
        "leave me alone": "(?:dejte|dej|nechte|nech) (?:mi|me|nam|nas)(?: (?:uz|prosim))*"
        " (?:pokoj|na pokoji|byt)",
        "consent withdrawn": "(?:odvolavam|rusim|beru zpet)(?: (?:svuj|timto|muj))* souhlas",
    },
)
