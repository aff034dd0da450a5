"""Links in mails that prove, once, that whoever follows them reads the address."""
