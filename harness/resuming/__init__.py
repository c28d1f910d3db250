"""Folders of trainings that go on where they were stopped."""
