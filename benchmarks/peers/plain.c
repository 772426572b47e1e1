/* The floor: the same measures and classification as one plain loop, for logs of plain strokes.
 * Compiled by bench_recognizer.py with cc -O3; outputs are columns as well. */
#include <math.h>
#include <stdint.h>

int64_t plain_classify(
    const uint8_t *action, const int64_t *time, const float *x, const float *y, int64_t count,
    uint8_t *kind, uint8_t *direction, double *duration, float *distance, float *velocity, float *path,
    float *width, float *height)
{
    int64_t i, n = 0, t0 = 0;
    float x0 = 0, y0 = 0, far2 = 0, sum = 0, low_x = 0, high_x = 0, low_y = 0, high_y = 0;
    for (i = 0; i < count; i++) {
        if (action[i] == 0) {
            t0 = time[i];
            x0 = low_x = high_x = x[i];
            y0 = low_y = high_y = y[i];
            far2 = sum = 0;
            continue;
        }
        const float fx = x[i] - x0, fy = y[i] - y0, sx = x[i] - x[i - 1], sy = y[i] - y[i - 1];
        const float d2 = fx * fx + fy * fy;
        far2 = d2 > far2 ? d2 : far2;
        sum += sqrtf(sx * sx + sy * sy);
        low_x = x[i] < low_x ? x[i] : low_x;
        high_x = x[i] > high_x ? x[i] : high_x;
        low_y = y[i] < low_y ? y[i] : low_y;
        high_y = y[i] > high_y ? y[i] : high_y;
        if (action[i] == 1) {
            const int64_t span = time[i] - t0;
            distance[n] = sqrtf(far2);
            path[n] = sum;
            width[n] = high_x - low_x;
            height[n] = high_y - low_y;
            duration[n] = span / 1e6;
            velocity[n] = (float)(distance[n] * (1e9 / (span > 1000000 ? span : 1000000)));
            direction[n] = 0;
            if (distance[n] < 24)
                kind[n] = span > 500000000 ? 8 : 6;
            else if (distance[n] > 48) {
                kind[n] = velocity[n] > 100 ? 10 : 9;
                if (width[n] - fabsf(fx) > 24 || height[n] - fabsf(fy) > 24)
                    direction[n] = 5;
                else
                    direction[n] = fabsf(fx) > fabsf(fy) ? (fx < 0 ? 3 : 4) : (fy < 0 ? 1 : 2);
            } else
                kind[n] = 0;
            n++;
        }
    }
    return n;
}
