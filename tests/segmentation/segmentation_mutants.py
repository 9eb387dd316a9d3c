"""Mistakes planted in npconv.segmentation, one at a time."""

# ruff: noqa: E501 (a table)

from mutated import Mutant

MUTANTS = [
    # the loss
    Mutant("divided by all pixels", "loss", "max(1, len(own)) if divisor", "labels.size if divisor", "known losses"),
    Mutant("0 / 0 with nothing kept", "loss", "max(1, len(own)) if divisor", "len(own) if divisor", "nothing kept"),
    Mutant("a divisor of one's own is not used", "loss", 'real(function, "divisor", divisor, above=0)', "len(own)", "known losses"),
    Mutant("a divisor below 1 is 1", "loss", 'real(function, "divisor", divisor, above=0)', 'max(1, real(function, "divisor", divisor, above=0))', "known losses"),
    Mutant("the sign of the loss", "loss", "_loss(-log_softmax(logits[kept])", "_loss(log_softmax(logits[kept])", "known losses"),
    Mutant("no logarithm", "loss", "-log_softmax(logits[kept])[own]", "-np.exp(log_softmax(logits[kept])[own])", "losses"),
    Mutant("the loss of another class", "loss", "-log_softmax(logits[kept])[own]", "-log_softmax(logits[kept])[:, 0]", "losses"),
    Mutant("softmax over the pixels", "loss", "_loss(-log_softmax(logits[kept])", "_loss(-log_softmax(logits[kept].T).T", "losses"),
    Mutant("logits of ignored pixels are read", "loss", "_loss(-log_softmax(logits[kept])", "_loss(0 * logits.sum() - log_softmax(logits[kept])", "ignored logits"),
    # its gradient
    Mutant("the labels not taken from the shares", "loss", "shares[own] -= 1", "pass", "losses"),
    Mutant("the sign of the gradient", "loss", "shares *= kind(dy)", "shares *= -kind(dy)", "gradients"),
    Mutant("dy forgotten", "loss", "kind(dy) / kind(count)", "1 / kind(count)", "losses"),
    Mutant("the gradient is not divided", "loss", "kind(dy) / kind(count)", "kind(dy)", "losses"),
    Mutant("a divisor beyond float16", "loss", "kind(dy) / kind(count)", "dy / type(dy)(count)", "many pixels"),
    Mutant("gradient of the first pixels", "loss", "dlogits[kept] =", "dlogits.reshape(-1, dlogits.shape[-1])[: len(own[1])] =", "losses"),
    Mutant("ignored pixels have a gradient", "loss", "np.zeros(logits.shape, native(logits))", "np.ones(logits.shape, native(logits))", "nothing kept"),
    Mutant("float16 in its own precision", "loss", "dtype=np.result_type(losses, np.float64)", "dtype=np.float16", "many pixels"),
    Mutant("both at once with another divisor", "loss", "_rows(shares, classes, 1.0, count", "_rows(shares, classes, 1.0, 1.0", "both at once"),
    Mutant("both at once leave ignored pixels as they were", "loss", "gradient[image] = 0", "pass", "both at once"),
    Mutant("both at once beside what was given for them", "loss", "if out is None else out", "if True else out", "both at once"),
    Mutant("both at once without the last image", "loss", "range(len(logits))", "range(len(logits) - 1)", "both at once"),
    Mutant("both at once with the first image's labels", "loss", "own[rows]", "own[: len(log_shares)]", "both at once"),
    Mutant("both at once without the choice of pixels", "loss", "slice(None) if every else", "slice(None) if True else", "both at once"),
    # the labels
    Mutant("another label is ignored", "checking", "np.not_equal(np.asarray(labels), ignore)", "np.not_equal(np.asarray(labels), 254)", "known measures"),
    Mutant("only the ignored are kept", "checking", "np.not_equal(np.asarray(labels), ignore)", "np.equal(np.asarray(labels), ignore)", "known losses"),
    Mutant("labels below 0 are ignored", "checking", "np.not_equal(np.asarray(labels), ignore)", "np.not_equal(np.asarray(labels), ignore) & (np.asarray(labels) >= 0)", "ranges"),
    Mutant("a label beyond the classes", "checking", "own.max() >= classes", "own.max() > classes", "ranges"),
    Mutant("a label below 0", "checking", "own.min() < 0 or ", "", "ranges"),
    # the measures
    Mutant("rows and columns exchanged", "measuring", "true.astype(np.int64) * classes + found.astype(np.int64)", "found.astype(np.int64) * classes + true.astype(np.int64)", "known measures"),
    Mutant("pairs in the labels' own dtype", "measuring", "true.astype(np.int64) * classes + found.astype(np.int64)", "true * classes + found", "small dtypes"),
    Mutant("an ignored pixel is a false positive", "measuring", "    return counts.reshape(classes, classes)", "    counts = counts.reshape(classes, classes)\n    counts[0] += np.bincount(predicted[~kept].astype(np.int64), minlength=classes)[:classes]\n    return counts", "known measures"),
    Mutant("the union without the hits taken off", "measuring", "counts.sum(axis=0) - hits", "counts.sum(axis=0)", "known measures"),
    Mutant("missed pixels are not in the union", "measuring", "counts.sum(axis=1) + counts.sum(axis=0) - hits", "counts.sum(axis=0)", "known measures"),
    Mutant("false positives are not in the union", "measuring", "counts.sum(axis=1) + counts.sum(axis=0) - hits", "counts.sum(axis=1)", "known measures"),
    Mutant("an absent class is 0", "measuring", "np.full(len(hits), np.nan)", "np.full(len(hits), 0.0)", "known measures"),
    Mutant("an absent class is 1", "measuring", "np.full(len(hits), np.nan)", "np.full(len(hits), 1.0)", "known measures"),
]  # fmt: skip
