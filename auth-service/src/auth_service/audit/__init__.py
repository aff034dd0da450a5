"""What happened that matters to the safety of an account, and from where.

A route asks for `Audit`; the worker and commands make an `AuditLog` with the source that they are.
"""

from auth_service.audit.log import Audit, AuditLog, Source
from auth_service.audit.repository import sweep_audit
from auth_service.audit.types import Actor, Audited

__all__ = ["Actor", "Audit", "AuditLog", "Audited", "Source", "sweep_audit"]
