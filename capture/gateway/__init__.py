"""The receiving end of batches."""
