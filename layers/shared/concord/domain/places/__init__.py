"""Where numbers are: tables of area codes, calling codes and time zones. Data alone."""
