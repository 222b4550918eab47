"""What each function asks of AWS, against what template.yaml grants it."""
