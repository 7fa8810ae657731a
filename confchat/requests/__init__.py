"""What may be asked inside a session, by topic: each module's class has `handlers`, request type to function."""
