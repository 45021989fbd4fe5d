"""Sentinel: a self-hosted, multi-tenant alerting and notification engine."""
