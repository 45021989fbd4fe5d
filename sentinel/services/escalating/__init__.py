"""Tickets told step by step until somebody takes them: policies, rotations, the sweep, and the links in messages."""
