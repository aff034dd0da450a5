"""Another address for an account: asked for by its password, confirmed by a link to the new one."""
