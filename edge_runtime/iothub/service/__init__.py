"""The local IoT Hub's service API: registry, twins, methods and deployments, as the service SDK calls them."""
