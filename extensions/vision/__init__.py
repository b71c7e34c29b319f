"""Pure image work without tables: masks, cut-outs, tags, and the models they need. Providers call it."""
