"""Configurations as people have them: a cluster's, a company's of many teams, and one that uses everything."""

CLUSTER = """\
global:
  resolve_timeout: 5m
route:
  receiver: slack-default
  group_by: [namespace]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 12h
  routes:
  - matchers: [alertname =~ "InfoInhibitor|Watchdog"]
    receiver: "null"
  - matchers: [severity = critical]
    receiver: on-call
    continue: true
  - matchers: [namespace =~ "kube-.*|openshift-.*", severity != "none"]
    receiver: platform
    group_by: [alertname, namespace]
    routes:
    - matchers: [alertname = "KubePodCrashLooping"]
      receiver: platform-quiet
      repeat_interval: 24h
  - matchers: [severity = "none"]
    receiver: "null"
inhibit_rules:
- source_matchers: [severity = critical]
  target_matchers: [severity =~ "warning|info"]
  equal: [namespace, alertname]
receivers:
- name: "null"
- name: slack-default
  webhook_configs: [{url: "https://example.com/slack-default"}]
- name: on-call
  webhook_configs: [{url: "https://example.com/on-call"}]
- name: platform
  webhook_configs: [{url: "https://example.com/platform"}]
- name: platform-quiet
  webhook_configs: [{url: "https://example.com/platform-quiet"}]
"""

COMPANY = """\
route:
  receiver: team-x-mails
  group_by: [alertname, cluster, service]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  routes:
  - match_re: {service: ^(foo1|foo2|baz)$}
    receiver: team-x-mails
    routes:
    - match: {severity: critical}
      receiver: team-x-pager
  - match: {service: files}
    receiver: team-y-mails
    routes:
    - match: {severity: critical}
      receiver: team-y-pager
  - match: {service: database}
    receiver: team-db-pager
    group_by: [alertname, cluster, database]
    routes:
    - match: {owner: team-x}
      receiver: team-x-pager
      continue: true
    - match: {owner: team-y}
      receiver: team-y-pager
receivers:
- name: team-x-mails
  webhook_configs: [{url: "https://example.com/team-x-mails"}]
- name: team-x-pager
  webhook_configs: [{url: "https://example.com/team-x-pager"}]
- name: team-y-mails
  webhook_configs: [{url: "https://example.com/team-y-mails"}]
- name: team-y-pager
  webhook_configs: [{url: "https://example.com/team-y-pager"}]
- name: team-db-pager
  webhook_configs: [{url: "https://example.com/team-db-pager"}]
"""

EVERYTHING = """\
route:
  receiver: everything-else
  routes:
  - receiver: archive
    continue: true
  - matchers: ['{env!~"prod|staging", team!=""}']
    receiver: developers
    routes:
    - matchers: ['team="web"', 'service=~"(?i)SHOP.*"']
      receiver: shop
      continue: true
    - matchers: ['team=~"web|api"']
      mute_time_intervals: [nights]
    - matchers: ['service=""']
      receiver: unknown
  - match_re: {instance: "(db|cache)-[0-9]+.*"}
    match: {env: prod}
    receiver: storage
    active_time_intervals: [office]
    routes:
    - matchers: ['severity=~"critical|page"', runbook!~".+"]
      receiver: storage-pager
  - matchers: ['severity=~"critical|page"']
    receiver: pager
    continue: true
    routes:
    - matchers: ['team="web"']
      receiver: shop
      continue: true
    - matchers: ['instance=~".*-1|.*-2"', 'team!="web"']
      receiver: storage-pager
  - matchers: ['note=~a b.*']
    receiver: unknown
time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: "20:00", end_time: "24:00"}, {start_time: "00:00", end_time: "07:00"}]
    location: Europe/Berlin
- name: office
  time_intervals:
  - weekdays: ["monday:friday"]
    times: [{start_time: "08:00", end_time: "18:00"}]
    location: Europe/Berlin
receivers:
- name: everything-else
  webhook_configs: [{url: "https://example.com/everything-else"}]
- name: archive
  webhook_configs: [{url: "https://example.com/archive"}]
- name: developers
  webhook_configs: [{url: "https://example.com/developers"}]
- name: shop
  webhook_configs: [{url: "https://example.com/shop"}]
- name: unknown
  webhook_configs: [{url: "https://example.com/unknown"}]
- name: storage
  webhook_configs: [{url: "https://example.com/storage"}]
- name: storage-pager
  webhook_configs: [{url: "https://example.com/storage-pager"}]
- name: pager
  webhook_configs: [{url: "https://example.com/pager"}]
"""

SAMPLES = {"cluster": CLUSTER, "company": COMPANY, "everything": EVERYTHING}

VOCABULARY = {
    "alertname": ("Watchdog", "InfoInhibitor", "KubePodCrashLooping", "DiskFull"),
    "severity": ("critical", "page", "warning", "info", "none"),
    "namespace": ("kube-system", "openshift-x", "shop", "kube"),
    "service": ("foo1", "foo2", "baz", "files", "database", "shop-1", "Shop", "other"),
    "owner": ("team-x", "team-y", "team-z"),
    "team": ("web", "api", "ops"),
    "env": ("prod", "staging", "dev"),
    "instance": ("db-1", "db-12:9100", "cache-2", "web-1", "cache-x"),
    "runbook": ("https://example.com/runbook",),
    "note": ("a b", "a b, cde", "c"),
}
"""Labels that these configurations speak of, and others."""
