/* Gives hosts the names that people know: those of the lookup table "hosts". */
#include "upto.h"

void upto_transform(const upto_batch *batch, size_t i, upto_outcome *outcome) {
    upto_string host = upto_text_at(batch, batch->hosts.ptr[i]);
    if (host.len == 0) {
        return;
    }
    upto_option_string known = upto_lookup(UPTO_STRING("hosts"), host);
    if (known.some) {
        outcome->tag = UPTO_CHANGE;
        outcome->change.host = known;
    }
}
