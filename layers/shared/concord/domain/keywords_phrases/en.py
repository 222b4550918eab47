"""English phrases that ask to be left alone."""

from typing import Final

from concord.domain.keywords_phrases.rules import Rules

ENGLISH: Final = Rules(
    triggers=(
        "stop",
        "quit",
        "unsub",
        "opt",
        "remov",
        "delet",
        "no more",
        "wrong",
        "off",
        "not",
        "don",
        "lose",
        "alone",
        "consent",
        "permission",
        "cease",
        "longer",
        "end",
        "cancel",
        "never",
        "discontinue",
    ),
    vocabulary={
        "msg": "texts?|txts?|messages?|msgs?|sms|mms|notifications?|alerts?|advert(?:s|isements?)?"
        "|ads|spam|solicitations?|marketing(?! e ?mails?)",
        "promo": "offers?|deals|coupons?|promos?|promotions?|flyers?",
        "fill": "all|the|these|this|those|that|your|ur|you|with|from|me|us|any|of|my|such|so|many"
        "|more|please|pls|to|phone|number|promotional|promo|marketing|annoying|stupid|damn|dumb"
        "|constant|automated|text|sms|spam|unwanted|weekly|daily|random|fucking|freaking",
        "list": "lists?|contacts|database|system|distribution|group|texts?|messages?|msgs|sms|here"
        "|marketing|notifications|alerts|promotions|this|these|it|everything|chat|thread",
        "kind": "mailing|text|texting|sms|marketing|contact|call|calling|distribution|subscriber"
        "|your|the|this|ur|that|these|all|any|of|promo|promotional|message|messaging|phone",
        "me": "me|us|my (?:(?:cell|phone|mobile) )?(?:number|phone)"
        "|this (?:(?:cell|phone|mobile) )?(?:number|phone)",
        "lead": "(?:(?:please|pls|plz|hi|hello|hey|sorry|ok|okay|no|just|kindly|so|and|but|again"
        "|i said|thanks|look|listen|i think) )*",
        "end": "(?: (?:please|pls|plz|thanks|thank you|thx|ty|now|right now|already|immediately"
        "|asap|again|any ?more|ever|sorry|ok|sir|guys|today|at all|for good|forever|period))*$",
    },
    # A negation counts only if it governs the hit, and a request may carry its own "don't":
    # "I don't know you stop texting me", "if you don't stop", "why won't you stop".
    veto=r"(?<!if you )(?<!if u )\b(?:don ?t|do not|never|not|can ?t|cannot|couldn ?t|won ?t"
    r"|wouldn ?t|didn ?t|doesn ?t|isn ?t|without|unable to|hard to|glad)(?! (?:you|u)\b)"
    r"(?: (?:ever|want|wish|need|you|u|guys|to|please|like|think|should|let|me|them|us|have"
    r"|really|even|just|seem|go|mean|trying|try|get|be))*$"
    r"|\b(?:when|what time|how late|did|does|has|until|till|unless|before|accident\w*"
    r"|mistake\w*)\b|\bwhy (?:do|does|is|are|has|have|was)\b",
    phrases={
        "stop alone": "^(?:(?:please|pls|plz|just|ok|okay|no|yes|hey|hi|hello|sorry|i said|so|now"
        "|guys|(?:can|could|would|will) (?:you|u) (?:please|pls)|you need to|(?:you )?must) )*"
        "(?:(?:stop|unsubscribe|stop all|opt out)(?: (?:stop|all|everything|i said|unsubscribe"
        "|all of (?:it|this|them)))*<end>|stop (?:it|this|that) (?:please|pls|plz|now"
        "|already)<end>)",
        "stop the messages": "(?:stop|cease|discontinue|halt)(?: <fill>){0,5} <msg>"
        "|(?:stop|end|cancel|quit)(?: <fill>){0,5} (?:<msg>|<promo>)<end>",
        "stop messaging": "(?:stop|quit|cease)(?: (?:please|pls|all|fucking|freaking|damn))*"
        " (?:texting|txting|messaging|msging|spamming|bothering|harassing|contacting|annoying"
        "|blowing up)(?:(?: all)? <me>|<end>| these| this| people)",
        "stop sending": "(?:stop|quit|cease|discontinue) (?:sending|receiving|getting|with)"
        "(?:(?: <fill>){0,6} (?:<msg>|<promo>)"
        "|(?: (?:<fill>|them|it|stuff|crap|shit|things|anything))*<end>)",
        "no more messages": "no more(?: <fill>){0,4} <msg>|^(?:please|pls) no more<end>"
        "|^no more (?:please|pls|plz|thanks|thank you)<end>",
        "do not message": "^<lead>(?:do not|don ?t|never)(?: (?:ever|please|you|u))*"
        " (?:text|txt|message|msg|contact|sms|spam|bother) (?:<me>)(?: (?:for any reason|back"
        "|with (?:this|these|your)(?: <msg>)?|about (?:this|anything)))?<end>",
        "do not send": "^<lead>(?:do not|don ?t)(?: (?:ever|please))* send(?: <fill>){0,5}"
        " (?:<msg>|<promo>|anything|stuff|crap)(?: to (?:<me>))?<end>"
        "|^<lead>(?:do not|don ?t) send (?:me |us )?(?:any|anything|these|this|those|them)"
        " (?:any ?more|again)<end>",
        "do not want": "(?:do not|don ?t|no longer)(?: (?:really|even|ever|actually))*"
        " (?:want|wish|need|care)(?: to)?(?: be)?(?: (?:receiv(?:e|ing)|get(?:ting)?|have|see))?"
        "(?: <fill>){0,5} <msg>(?! (?:to stop|from him|on))"
        "|(?:do not|don ?t|no longer) (?:want|wish) to (?:hear from you|be (?:contacted|texted"
        "|messaged|on (?:your|this|the)(?: <kind>)* list))"
        "|(?:never|did not|didn ?t) (?:signed|sign) up for (?:this|these|your)(?: <msg>)?<end>",
        "remove me": "(?:take|get) (?:<me>) off(?: (?:of|from))?(?:(?: <kind>){0,4} (?:<list>))?"
        "<end>|(?:remove|delete|drop|erase|unlist) (?:<me>)"
        "(?: (?:from|off|of|out of)(?: <kind>){0,5} (?:<list>))?<end>"
        "|remove (?:my )?name from(?: <kind>){0,4} list<end>"
        "|(?:lose|forget) (?:my|this) number",
        "unsubscribe": "(?:unsubscribe|unsub|unsubscribing)"
        "(?! (?:[a-z]+ ){0,3}(?:e ?mails?|newsletters?|magazine))"
        "|(?:want|wish|like) to be (?:unsubscribed|removed)<end>|opt (?:me|us) out"
        "|opt(?:ing)? out(?: (?:of|from)(?: <fill>){0,4} (?:<msg>|<promo>|this|these|it"
        "|everything|all))?<end>",
        "wrong number": "^<lead>(?:(?:you|u|y all)(?: guys)?(?: ve)?(?: have| got| texted)*|this is"
        "|it ?s|it is|got|i believe you have)?(?: (?:the|a))? ?wrong (?:number|person)"
        "(?: (?:stop|buddy|dude|man|mate))*<end>",
        "told you to stop": "i (?:(?:have|ve|already|just|literally|keep|even|also) )*(?:said|sent"
        "|texted|replied|typed|wrote|texting|replying|sending)(?: (?:you|the word|back))* stop"
        "(?! (?:by|at|in|over|and))|(?:told|asked|asking|telling) (?:you|u|y all)(?: guys| people"
        "| already)?(?: to)? stop(?! (?:by|at|in|over))|make (?:it|this|these)(?: <msg>)? stop",
        "leave me alone": "leave (?:me|us) (?:the hell )?alone|(?:fuck|piss|f|bugger) off$"
        "|cease and desist|^go away<end>",
        "consent withdrawn": "(?:revok(?:e|ing)|withdraw(?:ing)?)(?: (?:all|any|my|our|the)){0,3}"
        " (?:consent|permission)|(?:do not|don ?t|did not|didn ?t|never)(?: give| gave)?(?: you)?"
        "(?: my)? (?:consent(?:ed)?|permission)(?: to(?: (?:<fill>|receive|texting)){0,4} <msg>"
        "| to (?:text|contact|message) me)?<end>",
    },
)
