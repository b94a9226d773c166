/* Gives hosts the names that people know: those of the lookup table "hosts". */
#include "upto.h"

void upto_transform(const upto_report *report, upto_outcome *outcome) {
    if (report->host.len == 0) {
        return;
    }
    upto_option_string known = upto_lookup(UPTO_STRING("hosts"), report->host);
    if (known.some) {
        outcome->tag = UPTO_REPLACE;
        outcome->replace = *report;
        outcome->replace.host = known.value;
    }
}
