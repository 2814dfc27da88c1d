"""An Azure IoT Edge runtime that needs neither Docker nor a cloud, for development and test."""
