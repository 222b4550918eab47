"""Text-Em-All: texts, conversations, opt state, and our webhook."""
