"""The house's limits, each with its reason. Limits of one platform stand with that platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# A body: what a platform or a till sends. Base64 makes a third more of it, and with that a message
# of the safety queue (1 MB) still holds it whole, and so does an item of the table (400 KB).
MAX_BODY: Final = 256 * 1024

# A body of the admin API: 500 rows of an import, or a part of a CSV file.
MAX_ADMIN_BODY: Final = 1024 * 1024

# Seconds that the table has for one answer, all its attempts together: it leaves the safety queue
# its 0.6 s within the 2.5 s after which somebody at a till has waited too long.
TABLE_BUDGET: Final = 1.2

# Raw bodies: long enough to find and replay what failed, short enough to hold personal data.
BODIES_KEPT: Final = timedelta(days=30)
