"""One folder for each platform we speak to."""
