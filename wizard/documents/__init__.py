"""Documents that leave the installer with a person."""
