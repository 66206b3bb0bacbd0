"""What a person does about themselves: their profile, their data, the deletion of their account."""
