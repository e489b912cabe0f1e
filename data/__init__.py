"""Where few-shot tasks come from: one file per task family, each a distribution p(T) over tasks."""
