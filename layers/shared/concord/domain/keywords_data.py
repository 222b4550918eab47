"""The words shoppers text to leave, to come back or to ask for help: data only.

Words are spelled folded (lower case, no accents); spaces inside a phrase do not count when texts
are compared. Whole sentences ("please stop texting me") are in keywords_phrases.py, which is only
loaded when a text is none of these words.
"""

from collections.abc import Mapping
from typing import Final

# (word, language, sources)
type Words = tuple[tuple[str, str, str], ...]

# FCC = 89 FR 15756; CTIA = Messaging Principles 2023; Twilio, AWS, Telnyx = their default lists;
# AWS-CA = AWS's French words for Canada; local = what messages in that language tell people to
# reply. STOP is the word in every language and stands under "en" once.
OPT_OUT_WORDS: Final[Words] = (
    ("stop", "en", "FCC+CTIA+Twilio+AWS+Telnyx"),
    ("stop all", "en", "Twilio+Telnyx"),
    ("unsubscribe", "en", "FCC+CTIA+Twilio+AWS+Telnyx"),
    ("cancel", "en", "FCC+CTIA+Twilio+AWS+Telnyx"),
    ("end", "en", "FCC+CTIA+Twilio+AWS+Telnyx"),
    ("quit", "en", "FCC+CTIA+Twilio+AWS+Telnyx"),
    ("revoke", "en", "FCC+Twilio"),
    ("opt out", "en", "FCC+Twilio+AWS"),
    ("please opt me out", "en", "CTIA"),
    ("opt me out", "en", "CTIA"),
    ("remove", "en", "AWS"),
    ("td", "en", "AWS"),
    ("alto", "es", "local"),
    ("baja", "es", "local"),
    ("parar", "es", "local"),
    ("cancelar", "es", "local"),
    ("salir", "es", "local"),
    ("terminar", "es", "local"),
    ("detener", "es", "local"),
    ("desuscribir", "es", "local"),
    ("cancelar suscripcion", "es", "local"),
    ("dar de baja", "es", "local"),
    ("darme de baja", "es", "local"),
    ("arret", "fr", "AWS+AWS-CA"),
    ("arreter", "fr", "local"),
    ("arretez", "fr", "local"),
    ("desabonner", "fr", "local"),
    ("desabonnement", "fr", "local"),
    ("desinscrire", "fr", "local"),
    ("desinscription", "fr", "local"),
    ("annuler", "fr", "local"),
    ("resilier", "fr", "local"),
    ("stop sms", "fr", "local"),
    ("stop pub", "fr", "local"),
    ("stopp", "de", "local"),
    ("abmelden", "de", "local"),
    ("abmeldung", "de", "local"),
    ("abbestellen", "de", "local"),
    ("ende", "de", "local"),
    ("beenden", "de", "local"),
    ("austragen", "de", "local"),
    ("odhlasit", "cs", "local"),
    ("odhlasit se", "cs", "local"),
    ("odhlaseni", "cs", "local"),
    ("konec", "cs", "local"),
    ("zrusit", "cs", "local"),
    ("ukoncit", "cs", "local"),
    ("zrusit odber", "cs", "local"),
)
OPT_IN_AGAIN_WORDS: Final[Words] = (("unstop", "en", "Twilio+AWS+Telnyx"),)
# No local "yes": words that could lift a block stay few, YES never joins (features.md, section 4).
START_WORDS: Final[Words] = (
    ("start", "en", "Twilio+AWS+Telnyx"),
    ("yes", "en", "Twilio"),
)
HELP_WORDS: Final[Words] = (
    ("help", "en", "CTIA+Twilio+AWS+Telnyx"),
    ("info", "en", "Twilio"),
    ("ayuda", "es", "local"),
    ("aide", "fr", "AWS-CA"),
    ("hilfe", "de", "local"),
    ("pomoc", "cs", "local"),
)
# Slips of the thumb; none is a word of its own in the five languages. ("stop it" is one of them:
# alone it is a request, before a comma it is small talk.)
TYPOS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("stpo", "sotp", "tsop", "st0p", "sttop", "sstop", "stiop", "stoip"), "stop"),
    **dict.fromkeys(("stopo", "stopl", "stopit", "stopplease", "plsstop"), "stop"),
    **dict.fromkeys(("unsubscibe", "unsubcribe", "unsuscribe", "unsubsribe"), "unsubscribe"),
    **dict.fromkeys(("unsubscirbe", "unsubscrib", "unsubscribed", "unsub"), "unsubscribe"),
    **dict.fromkeys(("otpout", "opout"), "opt out"),
}
# Around a word these change nothing: "please cancel", "baja por favor", "abmelden bitte".
COURTESY: Final = (
    "please pls plz thanks thank you thx ty hi hello hey sir madam por favor porfavor porfa"
    " gracias hola s il vous te plait svp stp merci bonjour bonsoir bitte danke hallo guten tag"
    " prosim vas dekuji diky dobry den"
)
