"""What other systems send, read as events: one file per system, without Flask and without a database."""

KINDS = ("alertmanager", "grafana", "cloudevents", "pagerduty", "github", "sns")
"""The systems whose words are understood."""

SIGNED = "github"
"""The kind whose requests are signed with a secret that both sides know."""

OF_TOPIC = "sns"
"""The kind whose requests come from a topic."""
