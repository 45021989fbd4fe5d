"""Use cases: functions over a unit of work and values. No Flask, no Celery here."""
