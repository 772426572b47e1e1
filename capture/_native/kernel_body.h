/* The body of one kernel; kernels.h includes it once for each instruction set. No include guard.
 *
 * Measures plain strokes from index i on, into the block, until the block is full or something comes
 * that the recogniser must see sample by sample. Returns the index of the first sample not measured.
 * Loads reach up to eight samples behind a stroke; whatever lies there is masked away.
 */
KERNEL_TARGET static int64_t KERNEL_NAME(
    const capture_columns *c, int64_t i, int64_t end, int64_t last_time, capture_block *block)
{
    static const uint32_t edge[16] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t *action = c->action;
    const int64_t first = i;
    int32_t n = 0;

    while (n < CAPTURE_BLOCK && i < end && action[i] == CAPTURE_DOWN && c->time[i] >= last_time) {
        const int64_t up = capture_skip_moves(action, i + 1, end);
        int64_t k = i;
        if (up + 9 > end || action[up] != CAPTURE_UP)
            break;
        if (c->stream != NULL && c->stream[i] != c->stream[first])
            break;
        if ((c->stream != NULL || c->pointer != NULL) && !capture_one_pointer(c, i, up))
            break;

        const LANES x0 = SAME(c->x[i]), y0 = SAME(c->y[i]);
        LANES low_x = x0, high_x = x0, low_y = y0, high_y = y0;
        LANES farthest2 = SAME(0.0f), path = SAME(0.0f);
        FALLS_T falls = FALLS;
        for (; k + 8 <= up; k += 8) {
            const LANES x = LOAD(c->x + k + 1), y = LOAD(c->y + k + 1);
            const LANES from_x = SUB(x, x0), from_y = SUB(y, y0);
            const LANES step_x = SUB(x, LOAD(c->x + k)), step_y = SUB(y, LOAD(c->y + k));
            farthest2 = MAX(farthest2, ADD(MUL(from_x, from_x), MUL(from_y, from_y)));
            path = ADD(path, SQRT(ADD(MUL(step_x, step_x), MUL(step_y, step_y))));
            low_x = MIN(low_x, x);
            high_x = MAX(high_x, x);
            low_y = MIN(low_y, y);
            high_y = MAX(high_y, y);
            falls = FALL(falls, c->time + k);
        }
        if (k < up) {
            const LANES mask = LOAD((const float *)(edge + 8 - (up - k)));
            const LANES x = CHOOSE(mask, LOAD(c->x + k + 1), x0), y = CHOOSE(mask, LOAD(c->y + k + 1), y0);
            const LANES from_x = SUB(x, x0), from_y = SUB(y, y0);
            const LANES step_x = SUB(x, LOAD(c->x + k)), step_y = SUB(y, LOAD(c->y + k));
            farthest2 = MAX(farthest2, ADD(MUL(from_x, from_x), MUL(from_y, from_y)));
            path = ADD(path, KEEP(SQRT(ADD(MUL(step_x, step_x), MUL(step_y, step_y))), mask));
            low_x = MIN(low_x, x);
            high_x = MAX(high_x, x);
            low_y = MIN(low_y, y);
            high_y = MAX(high_y, y);
            /* Looks past the UP: a step back there only sends this stroke the slow way. */
            falls = FALL(falls, c->time + k);
        }

        float lane[8], total;
        STORE(lane, path);
        total = capture_fold(lane);
        /* A bad position makes the sum NaN or infinite; so does a sum that overflows. */
        if (!capture_finite(total) || FELL(falls))
            break;
        block->path[n] = total;
        float best, low, high;
        int j;
        STORE(lane, farthest2);
        for (best = lane[0], j = 1; j < 8; j++)
            best = lane[j] > best ? lane[j] : best;
        block->farthest2[n] = best;
        STORE(lane, low_x);
        for (low = lane[0], j = 1; j < 8; j++)
            low = lane[j] < low ? lane[j] : low;
        STORE(lane, high_x);
        for (high = lane[0], j = 1; j < 8; j++)
            high = lane[j] > high ? lane[j] : high;
        block->width[n] = high - low + 0.0f;
        STORE(lane, low_y);
        for (low = lane[0], j = 1; j < 8; j++)
            low = lane[j] < low ? lane[j] : low;
        STORE(lane, high_y);
        for (high = lane[0], j = 1; j < 8; j++)
            high = lane[j] > high ? lane[j] : high;
        block->height[n] = high - low + 0.0f;
        block->down[n] = i;
        block->up[n] = up;
        n++;
        last_time = c->time[up];
        i = up + 1;
    }
    block->count = n;
    return i;
}

#undef KERNEL_NAME
#undef KERNEL_TARGET
#undef LANES
#undef SAME
#undef LOAD
#undef STORE
#undef ADD
#undef SUB
#undef MUL
#undef MAX
#undef MIN
#undef SQRT
#undef KEEP
#undef CHOOSE
#undef FALLS
#undef FALLS_T
#undef FALL
#undef FELL
