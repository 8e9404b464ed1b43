"""The catalogue of this service's sentences, in Chinese and English."""
