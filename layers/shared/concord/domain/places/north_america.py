"""The area codes of North America: which state, province or country, and which time zones.

Source: libphonenumber 9.0.43 (November 2026), and of NANPA's newer overlays 436 OH, 457 LA,
471 MS, 621 TX, 679 MI, 729 TN, 861 IL and 924 MN. A code that is not here (toll-free 8xx, 5xx,
900, an overlay newer than this table) may be anywhere in the United States; 600, 622 and 633
anywhere in Canada.
Of zones that keep the same time today one stands for all, as Phoenix for the Yukon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# An area code under two names serves both.
AREA_CODES: Final[Mapping[str, str]] = {
    "AG": "268",
    "AI": "264",
    "BB": "246",
    "BM": "441",
    "BS": "242",
    "CA-AB": "368 403 587 780 825",
    "CA-BC": "236 250 257 604 672 778",
    "CA-MB": "204 431 584",
    "CA-NB": "428 506",
    "CA-NL": "709 879",
    "CA-NS": "782 902",
    "CA-NT": "867",
    "CA-NU": "867",
    "CA-ON": "226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 905 942",
    "CA-PE": "782 902",
    "CA-QC": "263 273 354 367 418 438 450 468 514 579 581 819 873",
    "CA-SK": "306 474 639",
    "CA-YT": "867",
    "DM": "767",
    "DO": "809 829 849",
    "GD": "473",
    "JM": "658 876",
    "KN": "869",
    "KY": "345",
    "LC": "758",
    "MS": "664",
    "SX": "721",
    "TC": "649",
    "TT": "868",
    "US-AK": "907",
    "US-AL": "205 251 256 334 659 938",
    "US-AR": "327 479 501 870",
    "US-AS": "684",
    "US-AZ": "480 520 602 623 928",
    "US-CA": "209 213 279 310 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 "
    "650 657 661 669 707 714 738 747 760 805 818 820 831 840 858 909 916 925 949 951",
    "US-CO": "303 719 720 748 970 983",
    "US-CT": "203 475 860 959",
    "US-DC": "202 771",
    "US-DE": "302",
    "US-FL": "239 305 321 324 352 386 407 448 561 645 656 "
    "689 727 728 754 772 786 813 850 863 904 941 954",
    "US-GA": "229 404 470 478 678 706 762 770 912 943",
    "US-GU": "671",
    "US-HI": "808",
    "US-IA": "319 515 563 641 712",
    "US-ID": "208 986",
    "US-IL": "217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 861 872",
    "US-IN": "219 260 317 463 574 765 812 930",
    "US-KS": "316 620 785 913",
    "US-KY": "270 364 502 606 859",
    "US-LA": "225 318 337 457 504 985",
    "US-MA": "339 351 413 508 617 774 781 857 978",
    "US-MD": "227 240 301 410 443 667",
    "US-ME": "207",
    "US-MI": "231 248 269 313 517 586 616 679 734 810 906 947 989",
    "US-MN": "218 320 507 612 651 763 924 952",
    "US-MO": "235 314 417 557 573 636 660 816 975",
    "US-MP": "670",
    "US-MS": "228 471 601 662 769",
    "US-MT": "406",
    "US-NC": "252 336 472 704 743 828 910 919 980 984",
    "US-ND": "701",
    "US-NE": "308 402 531",
    "US-NH": "603",
    "US-NJ": "201 551 609 640 732 848 856 862 908 973",
    "US-NM": "505 575",
    "US-NV": "702 725 775",
    "US-NY": "212 315 329 332 347 363 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934",
    "US-OH": "216 220 234 283 326 330 380 419 436 440 513 567 614 740 937",
    "US-OK": "405 539 572 580 918",
    "US-OR": "458 503 541 971",
    "US-PA": "215 223 267 272 412 445 484 570 582 610 717 724 814 835 878",
    "US-PR": "787 939",
    "US-RI": "401",
    "US-SC": "803 821 839 843 854 864",
    "US-SD": "605",
    "US-TN": "423 615 629 729 731 865 901 931",
    "US-TX": "210 214 254 281 325 346 361 409 430 432 469 512 621 682 "
    "713 726 737 806 817 830 832 903 915 936 940 945 956 972 979",
    "US-UT": "385 435 801",
    "US-VA": "276 434 540 571 686 703 757 804 826 948",
    "US-VI": "340",
    "US-VT": "802",
    "US-WA": "206 253 360 425 509 564",
    "US-WI": "262 274 353 414 534 608 715 920",
    "US-WV": "304 681",
    "US-WY": "307",
    "VC": "784",
    "VG": "284",
}

# The zones of a region; its area codes are in the first of them unless ACROSS or BEYOND say so.
ZONES_OF_REGION: Final[Mapping[str, str]] = {
    "CA-AB": "America/Edmonton",
    "CA-BC": "America/Vancouver America/Edmonton America/Phoenix",
    "CA-MB": "America/Winnipeg",
    "CA-NB": "America/Halifax",
    "CA-NL": "America/St_Johns America/Halifax",
    "CA-NS": "America/Halifax",
    "CA-NT": "America/Edmonton",
    "CA-NU": "America/Toronto America/Winnipeg America/Edmonton America/Panama",
    "CA-ON": "America/Toronto America/Winnipeg America/Panama",
    "CA-PE": "America/Halifax",
    "CA-QC": "America/Toronto America/Halifax America/Puerto_Rico",
    "CA-SK": "America/Regina America/Edmonton",
    "CA-YT": "America/Phoenix",
    "US-AK": "America/Anchorage America/Adak",
    "US-AL": "America/Chicago",
    "US-AR": "America/Chicago",
    "US-AS": "Pacific/Pago_Pago",
    "US-AZ": "America/Phoenix America/Denver",
    "US-CA": "America/Los_Angeles",
    "US-CO": "America/Denver",
    "US-CT": "America/New_York",
    "US-DC": "America/New_York",
    "US-DE": "America/New_York",
    "US-FL": "America/New_York America/Chicago",
    "US-GA": "America/New_York",
    "US-GU": "Pacific/Guam",
    "US-HI": "Pacific/Honolulu",
    "US-IA": "America/Chicago",
    "US-ID": "America/Denver America/Los_Angeles",
    "US-IL": "America/Chicago",
    "US-IN": "America/New_York America/Chicago",
    "US-KS": "America/Chicago America/Denver",
    "US-KY": "America/New_York America/Chicago",
    "US-LA": "America/Chicago",
    "US-MA": "America/New_York",
    "US-MD": "America/New_York",
    "US-ME": "America/New_York",
    "US-MI": "America/New_York America/Chicago",
    "US-MN": "America/Chicago",
    "US-MO": "America/Chicago",
    "US-MP": "Pacific/Guam",
    "US-MS": "America/Chicago",
    "US-MT": "America/Denver",
    "US-NC": "America/New_York",
    "US-ND": "America/Chicago America/Denver",
    "US-NE": "America/Chicago America/Denver",
    "US-NH": "America/New_York",
    "US-NJ": "America/New_York",
    "US-NM": "America/Denver",
    "US-NV": "America/Los_Angeles America/Denver",
    "US-NY": "America/New_York",
    "US-OH": "America/New_York",
    "US-OK": "America/Chicago",
    "US-OR": "America/Los_Angeles America/Denver",
    "US-PA": "America/New_York",
    "US-PR": "America/Puerto_Rico",
    "US-RI": "America/New_York",
    "US-SC": "America/New_York",
    "US-SD": "America/Chicago America/Denver",
    "US-TN": "America/Chicago America/New_York",
    "US-TX": "America/Chicago America/Denver",
    "US-UT": "America/Denver",
    "US-VA": "America/New_York",
    "US-VI": "America/Puerto_Rico",
    "US-VT": "America/New_York",
    "US-WA": "America/Los_Angeles",
    "US-WI": "America/Chicago",
    "US-WV": "America/New_York",
    "US-WY": "America/Denver",
}

# Area codes that a zone border runs through: they are in all zones of their region. A county on the
# edge counts, an hour too few of texting being better than one too many.
ACROSS: Final = (
    "448 850 907 928 208 986 219 574 812 930 620 785 270 364 606 906 701 308 775 458 541 605 423 "
    "729 236 250 672 778 807 367 418 581 709 879 306 474 639 867"
)
# Area codes that lie on the other side of it.
BEYOND: Final[Mapping[str, str]] = {"865": "America/New_York", "915": "America/Denver"}

CANADA_AT_LARGE: Final = frozenset({"600", "622", "633"})
# Where "somewhere in the United States" may be. Not the territories: between Samoa and Guam
# there is no hour at which both are awake, and a toll-free number would never be texted.
UNITED_STATES: Final = (
    "America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles "
    "America/Anchorage America/Adak Pacific/Honolulu"
)
CANADA: Final = (
    "America/St_Johns America/Halifax America/Puerto_Rico America/Toronto America/Panama "
    "America/Winnipeg America/Regina America/Edmonton America/Phoenix America/Vancouver"
)
