"""nginx with one worker, as the proxy that ours is measured against and as the upstream of all contestants."""

import grp
import os
import pwd
from pathlib import Path

__all__ = ["proxy", "static"]

# Its log is on and goes where ours goes, to nowhere, in blocks as ours does.
_COMMON = """
user {user} {group};
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server_tokens off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 3600;
    access_log /dev/null combined buffer=64k flush=1s;
    {server}
}}
"""

_PROXY = """
    upstream behind {{
        server 127.0.0.1:{upstream_port};
        keepalive 128;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location / {{
            proxy_pass http://behind;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Request-Id $request_id;
            add_header X-Request-Id $request_id;
        }}
    }}
"""

_STATIC = """
    access_log off;
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        default_type application/json;
        location / {{ return 200 '{body}'; }}
    }}
"""


def proxy(folder: Path, port: int, upstream_port: int) -> list[str]:
    """Return the command of a proxy that keeps its connections to the upstream."""
    return _command(folder, _PROXY.format(port=port, upstream_port=upstream_port))


def static(folder: Path, port: int, body: str) -> list[str]:
    """Return the command of a server that answers every request with `body`, which is JSON, from memory."""
    return _command(folder, _STATIC.format(port=port, body=body))


def _command(folder: Path, server: str) -> list[str]:
    folder.mkdir()
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    file = folder / "nginx.conf"
    file.write_text(_COMMON.format(user=user, group=group, folder=folder, server=server))
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(file)]
