"""Whether the verdict on masking is right: on defences whose truth is known, and on others."""
