"""The local stack: MiniStack, the sandbox platforms and the deployed template, up and down."""
