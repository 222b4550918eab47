"""Twilio: messages, status callbacks, inbound texts, carrier-side STOP."""
