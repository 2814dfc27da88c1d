"""How a module of this solution talks: connection, settings, messages, inbox, metrics, logs, stop.

Import from the submodules (`from module_kit.module import Module, run_module`); this file stays empty so
that `python3 -m module_kit.healthcheck` costs no more than the standard library.

A module in full:

    class CameraSettings(ModuleSettings):
        fps: float = Field(default=0, ge=0, le=1000, description="Frames per second; 0: as fast as possible.")

    async def main(module: Module[CameraSettings]) -> None:
        credits = module.input("credits", capacity=64)       # before start()
        module.method("pause", on_pause)                     # before start()
        await module.start()                                 # connected, twin read, inputs open
        while not module.stopping.is_set():
            stored = await module.send("frames", frame.encode())   # waits for a free place in the window
        # return: what was sent is acknowledged, the last report goes out, the process exits 0

    if __name__ == "__main__":
        run_module("camera", CameraSettings, main, self_test=self_test)
"""
