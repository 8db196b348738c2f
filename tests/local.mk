# test:program it belongs to ("common" for modules of common/ and proto/)
UNIT += error:common json:common config:common files:common restrict:common audit:common
FUZZ += json:common config:common env:common
UNIT += bus:common
