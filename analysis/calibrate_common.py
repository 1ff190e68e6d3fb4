"""What all recordings share that CPU costs are read from."""

COPY_NS_PER_KIB = 128  # 8 bytes an instruction
VIRTUAL_CLOCKS = ("1 ns an instruction", "1 virtual ns per guest instruction")
