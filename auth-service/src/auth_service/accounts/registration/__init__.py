"""Registering: the account is made at once, or, with EMAIL_VERIFICATION=required, by the link of a mail.

Then no answer tells whether an address has an account: registering costs the same for every address, and the worker,
whose mail only the address's owner reads, finds out what to write.
"""
