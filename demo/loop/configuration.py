"""Configuration files of the servers that the loop starts."""
from pathlib import Path

NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  upstream balancer {{ server {haproxy}:8080; keepalive 8; }}
  server {{
    listen 8080;
    location / {{
      proxy_pass http://balancer;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""

# One connection a request to the replicas: none of their threads is held by an idle connection.
HAPROXY = """\
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 10s
  option http-server-close
  option redispatch
frontend shop
  bind :8080
  default_backend api
backend api
  balance roundrobin
  option httpchk GET /healthz
  default-server check inter 2s
{servers}
frontend metrics
  bind fd@{metrics_fd}
  http-request use-service prometheus-exporter if {{ path /metrics }}
  stats enable
  stats uri /
"""

# Each line is one command to PostgreSQL in single-user mode.
DATABASE = """\
CREATE TABLE item (id int PRIMARY KEY, description text NOT NULL);
INSERT INTO item SELECT i, repeat('item ' || i || ' ', 20) FROM generate_series(1, {items}) AS i;
"""

PROMETHEUS = """\
global:
  scrape_interval: {interval}
  scrape_timeout: {interval}
  evaluation_interval: {interval}
  external_labels: {{sonde_analyzer_url: '{analyzer}'}}
rule_files: [{rules}]
alerting:
  alert_relabel_configs: [{{action: labeldrop, regex: sonde_analyzer_url}}]
  alertmanagers:
    - static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]
scrape_configs:
{jobs}
"""

JOB = """\
  - job_name: {job}
    honor_labels: true
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""

ANALYZER = """\
prometheus: {{url: '{prometheus}'}}
analysis: {{interval: {interval}}}
classifier: {{model: '{models}', namespace: {namespace}}}
"""


def write(path: Path, template: str, **values: object) -> Path:
    """Writes a filled-in template; returns its path."""
    path.write_text(template.format(**values), encoding="utf-8")
    return path
