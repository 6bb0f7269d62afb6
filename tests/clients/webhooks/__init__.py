"""Receivers of webhooks with the public packages of Standard Webhooks."""
