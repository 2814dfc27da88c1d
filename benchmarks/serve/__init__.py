"""The web service beside LitServe, MLServer and BentoML: the same model, pictures, decoder and client."""
