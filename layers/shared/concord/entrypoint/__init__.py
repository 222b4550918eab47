"""Edges of a Lambda function: HTTP, SQS, stream and schedule."""
