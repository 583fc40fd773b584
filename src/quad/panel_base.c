/* panel_base.c - panels, baseline; the build gives this file its flags. */
#define CX_ISA base
#include "quad/panel_isa.h"
