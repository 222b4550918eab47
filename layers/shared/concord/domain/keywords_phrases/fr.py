"""French phrases that ask to be left alone."""

from typing import Final

from concord.domain.keywords_phrases.rules import Rules

FRENCH: Final = Rules(
    triggers=(
        "arret",
        "stop",
        "ne ",
        "n ",
        "plus",
        "retir",
        "enlev",
        "supprim",
        "desabonn",
        "desinscri",
        "mauvais",
        "tranquille",
        "consentement",
        "erreur",
        "efface",
        "radie",
        "cess",
    ),
    vocabulary={
        "msg": "sms|messages?|textos?|pubs?|publicites?|spams?|notifications?|promos?|promotions?"
        "|offres?|sollicitations?|alertes?|mms",
        "fill": "les|vos|tes|ces|des|de|d|l|la|le|ce|cet|cette|m|me|nous|svp|tous|toutes|tout"
        "|autres|genre|plus|vous|stp|votre|ma|mon|avec|par|sms|type|envoi|envois|publicitaires",
        "send": "envoyer|ecrire|contacter|spammer|harceler|deranger|embeter|texter|importuner",
        "lead": "(?:(?:s il vous plait|s il te plait|svp|stp|merci de|bonjour|bonsoir|salut|non"
        "|desolee?|ok|merci|pardon|veuillez|je crois que|je pense que|mais|et) )*",
        "end": "(?: (?:s il vous plait|s il te plait|svp|stp|merci|merci d avance|maintenant|cordia"
        "lement|desormais|tout de suite|immediatement|plus|jamais|desolee?|bonne journee))*$",
    },
    veto=r"\b(?:quand|pourquoi|a quelle heure|jusqu|est ce que vous)\b"
    r"|\b(?:n|ne|sans)$|\b(?:sans|ne pas)(?: \w+)?$"
    r"|\bne (?:veux|voudrais|souhaite|souhaiterais) pas(?: (?:que|vous|me|m|nous|etre))*$",
    phrases={
        "stop alone": "^<lead>(?:stop|arretez(?: ca| tout)?)(?: (?:stop|tout|ca|les))*<end>",
        "stop the messages": "(?:arretez|arrete|arreter|stop|stopper|stoppez|cessez|cesser)"
        "(?: (?:avec|a))?(?: <fill>){0,4} <msg>",
        "stop sending": "(?:arretez|arrete|arreter|cessez|stop)(?: de| d)(?: (?:m|me|nous))?"
        " (?:<send>)(?:(?: <fill>){0,4} <msg>|(?: (?:ca|cela|tout ca|a ce numero))?<end>)",
        "no more messages": "^<lead>plus (?:de|d|aucun)(?: <fill>){0,2} <msg><end>"
        "|^<lead>plus jamais(?: de)?(?: <fill>){0,2} <msg>",
        "do not message": "(?:ne|n)(?: (?:m|me|nous|plus))? ?(?:(?:envoyez|envoie|envoyer)"
        " (?:plus|rien)|(?:contactez|ecrivez|derangez|contacter|spammez|importunez|textez) plus)"
        "(?:(?: (?:rien|jamais))?(?: <fill>){0,4} <msg>|(?: (?:rien|jamais|ca))?<end>)"
        "|ne plus (?:me|nous|m) (?:contacter|ecrire|envoyer|deranger)(?: <fill>){0,3}"
        "(?: <msg>)?<end>",
        "do not want": "(?:(?:ne|n) )?(?:veux|souhaite|desire|voudrais|voulons"
        "|souhaitons)(?: (?:plus|pas|ne"
        " plus))+ (?:(?:etre|en) )?(?:recevoir|avoir)(?: <fill>){0,4} <msg>"
        "|(?:(?:ne|n) )?(?:veux|souhaite|desire) (?:plus|ne plus|pas)(?: <fill>){0,2} <msg>"
        "|(?:(?:ne|n) )?(?:veux|souhaite|desire) (?:plus|ne plus) (?:etre (?:contactee?"
        "|sollicitee?)"
        "|en recevoir)",
        "remove me": "(?:retirez|enlevez|supprimez|effacez|radiez|rayez|retirer|enlever|supprimer|"
        "retire|enleve|supprime) (?:moi|nous|mon (?:numero|num|contact|portable))"
        "(?: (?:de|du|d)(?: <fill>){0,3} (?:listes?|fichiers?|base|contacts|diffusion|repertoire)"
        "(?: (?:de diffusion|de contacts?|de donnees|clients|sms))?)?<end>|me (?:retirer|enlever"
        "|rayer) de(?: <fill>){0,2} listes?<end>",
        "unsubscribe": "(?:desabonn|desinscri)(?:ez|vez|er|re|s|e) ?(?:moi|nous)"
        "|(?:me|nous|m) (?:desabonner|desinscrire)(?! (?:du|de la|de l|de mon|de ma|au|a la)"
        " (?!liste|sms|service sms))|^<lead>(?:desabonn|desinscri)(?:ement|ption|er|re)?<end>",
        "wrong number": "^<lead>(?:(?:vous (?:avez|etes|faites)|c est|ce n est pas)(?: sur)? ?)?"
        "(?:(?:le|un|au) )?(?:mauvais numero|erreur de numero|faux numero|mauvaise personne)<end>"
        "|vous vous trompez de (?:numero|personne)<end>",
        "leave me alone": "(?:laissez|fichez|foutez|laisse) (?:moi|nous)(?: la)? (?:tranquilles?"
        "|paix|en paix)",
        "consent withdrawn": "(?:retire|revoque)(?: mon)? consentement",
    },
)
