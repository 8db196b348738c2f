# test:program it belongs to ("common" for modules of common/ and proto/)
UNIT +=
FUZZ +=
