"""AWS End User Messaging SMS: sends over the JSON protocol, two-way texts over SNS."""
