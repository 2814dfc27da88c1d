"""The camera module: frames from a camera, a stream, files or a labelled data set, sent to the classifier."""
