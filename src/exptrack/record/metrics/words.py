"""The vocabulary of names.py, as plain lists to be read and added to. All in lower case."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that are metrics wherever they stand in a name.
STRONG = _words(
    """
    loss losses logloss acc accuracy accuracies auc auroc auprc aucpr prauc roc f1 fbeta f2 precision recall prec
    error err mae mse rmse rmsle mape smape msle medae r2 bleu sacrebleu rouge rougel rouge1 rouge2 rougelsum meteor
    cider spice ter chrf ppl perplexity bpc bpb reward rewards rew return returns score scores map map50 map75
    ap ap50 ap75 aps apm apl iou miou dice psnr ssim lpips fid kid nll kl kld entropy wer cer eer mcd ndcg
    mrr hits hit top1 top5 top10 gini objective obj fitness likelihood loglik loglikelihood lik llh ll elbo inertia
    distortion gnorm xent ce bce logprob margin margins kappa mcc jaccard spearman pearson pearsonr spearmanr
    correlation corr silhouette purity ari nmi regret winrate deviance residual residuals fitted aic bic qwk
    sensitivity specificity tpr fpr fnr tnr hamming brier pinball hinge crps epe metric cost advantage
    qvalue td_error divergence drift similarity success objf violation
    """
)

# Words of which splits are made: `Train: 0.98` names a split and means its metric.
SPLIT = _words(
    """
    train training val valid validation test testing eval evaluation dev learn learning best holdout oob
    """
)

# Of STRONG, those that name no count and no setting: a whole number is a value of theirs like any other.
NEVER_COUNTED = _words("loss logloss acc accuracy auc f1 mse rmse mae perplexity ppl reward bleu")
BEFORE_A_METRIC = SPLIT | _words("final mean avg average running total epoch")

# Words that make a name no metric: clocks, rates, sizes, counters, settings.
NEVER = _words(
    """
    e evals time times data progress percent ts teps kteps rho timestamp elapsed eta sec secs second seconds ms msec
    msecs minute minutes min_time hours duration dur speed throughput fps tps wps ups wpb bsz tflops flops flos
    gflops mfu hfu mem memory vram ram gpu gpus cpu cpus disk runtime remaining date samples size sizes seed
    seeds port version workers worker threads thread pid params parameters param vocab layers layer dims dim
    hidden heads channels shape width height bytes tokens words count counts images img instances nevals wall
    patience oom lineno line level status pages port uid gid nodes ranks world budget jobs n_jobs random_state
    support per_second examples rows cols columns features classes items files chars length_penalty rate_limit latency
    uptime load_time iterations epochs steps episodes batches iteration step epoch updates update batch trial
    round timesteps timestep pgid users requests connections sockets packets retries attempt attempts retry days
    hour year month day age price ips imps timing exs kimg address ip temperature top_k top_p dropout warmup wd
    weight_decay momentum beta1 beta2 gamma lambda smoothing eps epsilon tol tolerance decay clipping coef coeff
    coefs vnum v_num idx index id ids nnz nnzs neurons units filters kernel stride padding
    labels ntokens nsentences batch_cost data_cost reader_cost avg_batch_cost avg_reader_cost avg_data_cost
    """
)

# Settings by their last word (`loss_scale`, `entropy_coef`) and counts or wishes by their first (`num_`, `target_`).
NEVER_LAST = _words(
    """
    scale weight weights coef coeff factor alpha beta threshold thresh delta init type fn limit max_len budget interval
    range clip every freq frequency scheduler optimizer optim quantile level window
    """
)
NEVER_FIRST = _words(
    """
    num number n nb max_steps target required expected total_params machine df
    """
)

# Words after which a number is part of a sentence, not the value of a name.
PROSE = _words(
    """
    from to of was is than by in over for at on improved reduced decreased increased the with not has have be
    been will did between after before until if when took using and or reducing saving loading found done
    about more less least below above under within per into as it that this you your
    """
)

# `total steps`, `every epoch`: a count or a setting, not where the training is.
NOT_A_MARK = _words(
    """
    total max maximum min num number of per warmup every first last log eval save best remaining accumulation
    decay each estimated final next previous early
    """
)

# Columns of a table that hold the step, and those that hold the epoch.
STEP_COLUMNS = _words(
    """
    iter iteration iterations step steps gen generation round # it batch update n_iter trial counter episode
    timestep total_timesteps it. #iter nit itn k ncall number_of_trees
    number_of_iterations example_counter
    """
)

# The same for epochs.
EPOCH_COLUMNS = _words(
    """
    epoch epochs ep e
    """
)

# A column right behind the step with one of these names is what an optimiser optimises.
OBJECTIVES = _words(
    """
    target objective value score fitness function_value y
    """
)

# Keys of which three together make a mapping a configuration.
SETTINGS = _words(
    """
    batch_size learning_rate lr seed epochs num_epochs max_steps optimizer model model_name model_type
    architectures hidden_size dropout weight_decay dataset output_dir device warmup_steps config args
    vocab_size num_layers
    """
)
