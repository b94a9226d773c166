/* Gives hosts the names that people know: those of the lookup table "hosts". */
#include "upto.h"

void upto_transform(const upto_batch *batch, const upto_report *report, upto_outcome *outcome) {
    upto_string host = batch->texts[report->host];
    if (host.len == 0) {
        return;
    }
    upto_option_string known = upto_lookup(UPTO_STRING("hosts"), host);
    if (known.some) {
        outcome->tag = UPTO_CHANGE;
        outcome->change.host = known;
    }
}
